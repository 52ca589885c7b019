"""The console: a page for people at the load balancer's bare address. It shows and changes nothing.

site       its files, its JSON, and who may read them
told       all that it shows, as JSON
stages     which environment is live, which one waits, where a rollback would go
logs       the last lines of an environment's logs, without the values of secrets
commands   what it offers for copying
"""

from ebcd_local.page.site import Page
from ebcd_local.page.told import Sources, tell, tell_logs

__all__ = ["Page", "Sources", "tell", "tell_logs"]
