"""Logs of instances, by way of S3: the last lines of each, or all of them in a ZIP.

Source: https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/using-features.logging.html
"""

from __future__ import annotations

import io
import zipfile

from ebcd_local.errors import invalid
from ebcd_local.instance import Instance
from ebcd_local.operations.call import Call, Operation, Structure
from ebcd_local.state import now, storage_bucket

TAIL_LINES = 100


def request_environment_info(call: Call, given: Structure) -> Structure:
    """RequestEnvironmentInfo: each instance's logs go to S3."""
    kind = _kind(given)
    environment = call.environment(given)
    bucket = storage_bucket(call.region)
    call.objects.ensure_bucket(bucket, call.region)
    for instance in [member.instance for member in call.fleet.members(environment.key)]:
        name = f"{_prefix(kind, environment.id)}{instance.id}/{now().strftime('%Y%m%dT%H%M%S.%f')}"
        if kind == "tail":
            call.objects.put(bucket, f"{name}.txt", instance.log_tail(TAIL_LINES).encode())
        else:
            call.objects.put(bucket, f"{name}.zip", _bundle(instance))
    call.state.say(environment, "Pulled logs for environment instances.", request_id=call.request_id)
    return {}


def retrieve_environment_info(call: Call, given: Structure) -> Structure:
    """RetrieveEnvironmentInfo: where the logs are, by presigned URL."""
    kind = _kind(given)
    environment = call.environment(given)
    found = []
    for key, modified in call.objects.list(storage_bucket(call.region), _prefix(kind, environment.id)):
        url = call.objects.presigned_url(call.endpoint_url, call.region, storage_bucket(call.region), key)
        found.append(
            {"InfoType": kind, "Ec2InstanceId": key.split("/")[-2], "SampleTimestamp": modified, "Message": url}
        )
    return {"EnvironmentInfo": found}


def _kind(given: Structure) -> str:
    if given["InfoType"] == "analyze":
        raise invalid("The local Beanstalk has no model that analyses logs: choose the InfoType tail or bundle.")
    return str(given["InfoType"])


def _bundle(instance: Instance) -> bytes:
    """A ZIP of an instance's logs, whole."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, path in instance.logs():
            archive.write(path, f"var/log/{name}")
    return buffer.getvalue()


def _prefix(kind: str, environment_id: str) -> str:
    return f"resources/environments/logs/{kind}/{environment_id}/"


SERVED: dict[str, Operation] = {
    "RequestEnvironmentInfo": request_environment_info,
    "RetrieveEnvironmentInfo": retrieve_environment_info,
}
