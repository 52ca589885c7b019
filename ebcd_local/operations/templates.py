"""Configuration templates: saved configurations, kept as files in S3 where `eb config` reads and writes them.

Source: https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/environment-configuration-savedconfig.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from ebcd_local import option_table, options, platform_versions, saved_configuration, setting_keys
from ebcd_local.database.coupled import NAMESPACE as RDS
from ebcd_local.errors import ServiceError, invalid
from ebcd_local.operations import platforms, quotas, tags
from ebcd_local.operations.call import Call, Operation, Structure
from ebcd_local.records import Environment, Template
from ebcd_local.saved_configuration import SavedConfiguration
from ebcd_local.state import now, storage_bucket


@dataclass(frozen=True, slots=True)
class Base:
    """What a template or an environment starts from: option settings, platform and tier of another one."""

    options: dict[str, str]
    platform_arn: str = ""
    tier: str = ""
    version_label: str = ""
    description: str = ""


NOTHING = Base({})
_OF_DATABASE = "RdsExtensionEB"
"""The template snippet that `eb create --database` sends."""


def create_configuration_template(call: Call, given: Structure) -> Structure:
    """CreateConfigurationTemplate: from a platform, another template or an environment, and option settings."""
    application, name = call.application(given["ApplicationName"]), given["TemplateName"]
    if re.search(r"[/\x00-\x1f]", name) or not name.strip():
        raise invalid(f"Value '{name}' at 'TemplateName' is invalid.")
    base = _base(call, given)
    stored = {**base.options, **options.from_request(given.get("OptionSettings", []))}
    options.check(stored)
    template = Template(
        region=call.region,
        application=application.name,
        name=name,
        description=given.get("Description", ""),
        platform_arn=platforms.choose(call, given, base.platform_arn),
        created=now(),
        updated=now(),
        options=stored,
        tags=tags.of_request(given.get("Tags", [])),
        tier=base.tier or "WebServer",
    )
    with call.state.lock:
        if template.key in call.state.templates:
            raise invalid(f"Configuration Template {name} already exists.")
        quotas.refuse_more(call, "ConfigurationTemplates", call.state.templates, quotas.TEMPLATES)
        _save(call, template)
    _say(call, template, f"Created new Configuration Template: {name}")
    return describe(template)


def update_configuration_template(call: Call, given: Structure) -> Structure:
    """UpdateConfigurationTemplate."""
    with call.state.lock:
        template = find(call, given["ApplicationName"], given["TemplateName"])
        stored = options.without(template.options, given.get("OptionsToRemove", []))
        stored |= options.from_request(given.get("OptionSettings", []))
        options.check(stored)
        description = given.get("Description", template.description)
        changed = replace(template, options=stored, description=description, updated=now())
        _save(call, changed)
    _say(call, changed, f"Updated Configuration Template: {changed.name}")
    return describe(changed)


def delete_configuration_template(call: Call, given: Structure) -> Structure:
    """DeleteConfigurationTemplate, with its file. Environments that were made from it stay as they are."""
    call.application(given["ApplicationName"])
    with call.state.lock:
        template = find(call, given["ApplicationName"], given["TemplateName"])
        forget(call, template.application, template.name)
    _say(call, template, f"Deleted Configuration Template: {template.name}")
    return {}


def forget(call: Call, application: str, name: str) -> None:
    """Delete a template and its file."""
    if known := call.state.templates.get(f"{call.region}/{application}/{name}"):
        call.state.delete(known)
    call.objects.delete(storage_bucket(call.region), _key(application, name))


def find(call: Call, application: str, name: str) -> Template:
    """A template: what its file in S3 says, which a person may have written there. Raises ServiceError."""
    call.application(application)
    known = call.state.templates.get(f"{call.region}/{application}/{name}")
    content = call.objects.read(storage_bucket(call.region), _key(application, name))
    if content is None:
        if known is None:
            raise invalid(f"No Configuration Template named '{application}/{name}' found.")
        return known
    try:
        saved = saved_configuration.read(content)
    except ValueError as error:
        raise invalid(f"The saved configuration {name} cannot be read: {error}") from error
    known = known or Template(call.region, application, name, "", "", now(), now())
    platform = platforms.resolve(call, saved.platform) if saved.platform else known.platform_arn
    return replace(known, description=saved.description, platform_arn=platform, tier=saved.tier, options=saved.options)


def names(call: Call, application: str) -> list[str]:
    """The names of an application's templates, those that are only files too."""
    prefix = _key(application, "")
    uploaded = {key.removeprefix(prefix) for key, _ in call.objects.list(storage_bucket(call.region), prefix)}
    known = {
        item.name
        for item in list(call.state.templates.values())
        if (item.region, item.application) == (call.region, application)
    }
    return sorted(known | {name for name in uploaded if name and "/" not in name})


def of_template(template: Template) -> Base:
    """A template as a base."""
    return Base(template.options, template.platform_arn, template.tier, description=template.description)


def of_environment(environment: Environment) -> Base:
    """An environment as a base: the settings of its own, as `eb clone` and `eb config save` take them."""
    return Base(
        environment.options,
        environment.platform_arn,
        environment.tier,
        environment.version_label,
        environment.description,
    )


def of_specification(call: Call, given: Structure) -> Base:
    """What eb's TemplateSpecification names: an environment, a platform or a file's content. Raises ServiceError."""
    source = (given.get("TemplateSpecification") or {}).get("TemplateSource") or {}
    if name := source.get("EnvironmentName"):
        return of_environment(call.environment({"EnvironmentName": name}))
    if content := source.get("SourceContents"):
        try:
            saved = saved_configuration.read(content.encode())
        except ValueError as error:
            raise invalid(f"The configuration cannot be read: {error}") from error
        platform = platforms.resolve(call, saved.platform) if saved.platform else ""
        return Base(saved.options, platform, saved.tier)
    if chosen := source.get("PlatformArn") or source.get("SolutionStackName"):
        return Base({}, platforms.resolve(call, chosen))
    return NOTHING


def of_snippets(given: Structure) -> dict[str, str]:
    """The settings that eb's TemplateSnippets stand for: that a database is to be coupled. Raises ServiceError."""
    snippets = (given.get("TemplateSpecification") or {}).get("TemplateSnippets") or []
    if unknown := [item.get("SnippetName", "") for item in snippets if item.get("SnippetName") != _OF_DATABASE]:
        raise invalid(f"The local Beanstalk knows no template snippet {unknown[0]!r}.")
    return {setting_keys.key(RDS, "HasCoupledDatabase"): "true"} if snippets else {}


def describe(template: Template) -> Structure:
    """ConfigurationSettingsDescription of a template."""
    return {
        "SolutionStackName": platform_versions.solution_stack(template.platform_arn),
        "PlatformArn": template.platform_arn,
        "ApplicationName": template.application,
        "TemplateName": template.name,
        "Description": template.description,
        "DateCreated": template.created,
        "DateUpdated": template.updated,
        "OptionSettings": settings(template.options),
        "Tier": tier(template.tier),
    }


def tier(name: str) -> Structure:
    """EnvironmentTier of a tier's name."""
    return {**saved_configuration.tier(name), "Version": "1.0"}


def settings(stored: dict[str, str]) -> list[Structure]:
    """ConfigurationOptionSetting of each stored setting."""
    return [setting(*setting_keys.split(item), value) for item, value in sorted(stored.items())]


def setting(space: str, name: str, resource: str, value: str | None) -> Structure:
    """ConfigurationOptionSetting: with the environment's own resource that it is about, where there is one."""
    found: Structure = {"Namespace": space, "OptionName": name}
    if resource := resource or option_table.resource(space, name):
        found["ResourceName"] = resource
    return found if value is None else found | {"Value": value}


def _base(call: Call, given: Structure) -> Base:
    sources = [name for name in ("SourceConfiguration", "EnvironmentId", "TemplateSpecification") if given.get(name)]
    if len(sources) > 1:
        raise ServiceError("InvalidParameterCombination", f"Specify only one of {' and '.join(sources)}.")
    if source := given.get("SourceConfiguration"):
        application = source.get("ApplicationName", given["ApplicationName"])
        if "TemplateName" not in source:
            raise ServiceError("MissingRequiredParameter", "SourceConfiguration needs a TemplateName.")
        return of_template(find(call, application, source["TemplateName"]))
    if given.get("EnvironmentId"):
        return of_environment(call.environment(given))
    return of_specification(call, given)


def _save(call: Call, template: Template) -> None:
    call.state.save(template)
    saved = SavedConfiguration(template.description, template.platform_arn, template.tier, template.options)
    content = saved_configuration.write(saved, template.created, template.updated)
    call.objects.ensure_bucket(storage_bucket(call.region), call.region)
    call.objects.put(storage_bucket(call.region), _key(template.application, template.name), content)


def _key(application: str, name: str) -> str:
    return f"resources/templates/{application}/{name}"


def _say(call: Call, template: Template, message: str) -> None:
    call.state.say(
        None,
        message,
        request_id=call.request_id,
        region=call.region,
        application=template.application,
        template=template.name,
    )


SERVED: dict[str, Operation] = {
    "CreateConfigurationTemplate": create_configuration_template,
    "UpdateConfigurationTemplate": update_configuration_template,
    "DeleteConfigurationTemplate": delete_configuration_template,
}
