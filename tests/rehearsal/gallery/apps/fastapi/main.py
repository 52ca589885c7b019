from pathlib import Path

from fastapi import FastAPI

from routers import items

app = FastAPI()
app.include_router(items.router, prefix="/api")


@app.get("/version")
def version():
    return {"manifest": Path(".ebcd/manifest.json").read_text()}
