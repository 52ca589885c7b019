"""What keeps instances from the ledger, which lies in the bucket that Beanstalk lets them write. Pure.

AWS's managed policies allow instances to read and write each bucket named `elasticbeanstalk-*`. A denial in the same
role is stronger than that, whatever else is attached to it, and no policy of the bucket lifts it. The deploy role may
not change the instances' role, so it cannot lift it either.
Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html
"""

from __future__ import annotations

from ebcd.permissions.grant import Grant

WRITES = ("s3:AbortMultipartUpload", "s3:DeleteObject*", "s3:PutObject*", "s3:RestoreObject")
READS = ("s3:GetObject*",)
PRIVATE = ("*/lock.json", "*/hold.json", "*/releases/*", "*/previews/*")
"""What instances may not read either: who released what, and why. Bundles may have to be fetched."""
_BUCKETS = "arn:${AWS::Partition}:s3:::elasticbeanstalk-*-" + "${AWS::AccountId}"
"""Of all regions: AWS's policies are for each of them, and so an instance reaches another region's ledger, too."""


def denials() -> list[Grant]:
    """What instances may not do, for all applications of the account in every region."""
    home = f"{_BUCKETS}/ebcd/"
    return [
        Grant(
            "KeepLedger", "An instance could forge a release, or break a lock.", WRITES, (f"{home}*",), effect="Deny"
        ),
        Grant(
            "HideLedger",
            "An instance could read who released what, and why.",
            READS,
            tuple(home + name for name in PRIVATE),
            effect="Deny",
        ),
    ]
