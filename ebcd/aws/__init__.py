"""AWS, and nothing but AWS: the one package that imports boto3. Typed answers, no decisions, no waits.

`session.connect` gives an `Aws` with a `Beanstalk`, a `Storage` and the account they belong to.
"""
