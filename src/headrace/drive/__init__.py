"""How effects are carried out: two short drivers, one for sync and one for asyncio, over one world."""
