kubectl label namespace shop name=shop
