"""Worker environments: their queues, and the daemon that posts from these to the application.

queues.py     the queue and its dead-letter queue, made and deleted with the environment (moto's SQS)
settings.py   what the options of aws:elasticbeanstalk:sqsd say
cron.py       periodic tasks of cron.yaml
posting.py    one message: the request that it becomes
daemon.py     the daemon: receives, posts, deletes or lets be tried again
"""
