"""What `ebcd local up --enforce-iam` adds: each call is judged by the policies of whoever makes it, as IAM does.

    request ─ callers: whose key is it, and which policies has it? ─┐
            ─ beanstalk, services: what does the call ask for? ─────┤
            ─ on_behalf: what does Beanstalk do in its name? ───────┴─► statements, conditions: allowed? ─► enforcement

Users, roles and their policies are moto's; `statements` and `conditions` are pure and follow IAM's documented logic,
of which moto leaves out resources, conditions and wildcards.
"""
