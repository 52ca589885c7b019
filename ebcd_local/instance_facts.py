"""What get-config answers on an instance, command by command.

Source: https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/custom-platforms-scripts.html
"""

from __future__ import annotations

import platform
from collections.abc import Mapping
from typing import Any

from ebcd_local import procfile
from ebcd_local.options import Options
from ebcd_local.platform_tree import APPLICATION

_STATIC_FILES = "aws:elasticbeanstalk:environment:proxy:staticfiles"
_OF_THE_PLATFORM = "aws:elasticbeanstalk:"
"""What the namespaces begin with whose options the platform uses on an instance."""


def answers(
    instance_id: str,
    environment_name: str,
    variables: Mapping[str, str],
    options: Options,
    database: Mapping[str, str],
) -> dict[str, Any]:
    """A command's name → what it answers.

    variables: the environment properties, with those that the platform itself sets. database: of these, the ones of a
    database that is coupled to the environment.
    """
    return {
        "environment": dict(variables),
        "optionsettings": _by_namespace(options),
        "container": _container(environment_name, options),
        "addons": {"rds": {"Description": "RDS Environment variables", "env": dict(database)}} if database else {},
        "platformconfig": _platform_config(),
        "instanceid": instance_id,
    }


def _by_namespace(options: Options) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for (space, name), value in options.items():
        if space.startswith(_OF_THE_PLATFORM):
            found.setdefault(space, {})[name] = value
    return found


def _container(environment_name: str, options: Options) -> dict[str, Any]:
    static = [f"{name}={value}" for (space, name), value in sorted(options.items()) if space == _STATIC_FILES]
    return {
        "common_log_list": ["/var/log/eb-engine.log", "/var/log/eb-hooks.log"],
        "default_log_list": ["/var/log/nginx/access.log", "/var/log/nginx/error.log"],
        "environment_name": environment_name,
        "instance_port": "80",
        "log_group_name_prefix": "/aws/elasticbeanstalk",
        "proxy_server": "nginx",
        "static_files": static or [""],
        "xray_enabled": options.get(("aws:elasticbeanstalk:xray", "XRayEnabled"), "false"),
    }


def _platform_config() -> dict[str, Any]:
    python = ".".join(platform.python_version_tuple()[:2])
    return {
        "GeneralConfig": {
            "AppUser": "webapp",
            "AppDeployDir": f"{APPLICATION}/current/",
            "AppStagingDir": f"{APPLICATION}/staging/",
            "ProxyServer": "nginx",
            "DefaultInstancePort": "80",
        },
        "PlatformSpecificConfig": {"ApplicationPort": procfile.PORT, "PythonVersion": python},
    }
