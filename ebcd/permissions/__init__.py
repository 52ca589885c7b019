"""What ebcd must be allowed to do on an account: IAM actions, policies, and the stack that grants them. Pure."""
