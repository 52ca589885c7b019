"""The pages of a workspace. They work without a script: forms and links."""
