"""ebcd: continuous delivery for AWS Elastic Beanstalk."""

__version__ = "0.1.0"
