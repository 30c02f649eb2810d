from tests.node.web.register import *
async def test_try(visit):
    v = await visit("at")
    for p in ["/","/labels","/label/"+number("active"),"/statistics","/members","/criteria","/verify","/status","/label/"+IMPORTED_REVOKED]:
        t = await v.read(p)
        print(p, len(t))
