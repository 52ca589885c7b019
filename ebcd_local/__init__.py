"""A local Beanstalk: Elastic Beanstalk's wire protocol on loopback, and bundles that really run.

    server ─ requests ─► protocol ─► operations ─► state (SQLite)
                   └──► moto (S3, STS …), mirrored to disk by object_store
    operations ─► fleet ─► instance (unpack, install, run, restart) and balancer (routes by Host)

It imports nothing of ebcd: `python -m ebcd_local` is a program of its own, and boto3, `aws` and `eb` reach it through
its endpoint.
"""
