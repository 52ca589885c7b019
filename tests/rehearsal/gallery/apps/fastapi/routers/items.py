from fastapi import APIRouter

router = APIRouter(prefix="/items")


@router.get("/{item}")
async def item(item: int):
    return {"item": item}


@router.get("/")
async def items():
    return {"items": [1, 2, 3]}
