from aiohttp import web

routes = web.RouteTableDef()


@routes.get("/healthz")
async def healthz(request):
    return web.Response(text="well, by aiohttp")


async def create_app():
    app = web.Application()
    app.add_routes(routes)
    return app


if __name__ == "__main__":
    web.run_app(create_app())
