from concurrent.futures import ThreadPoolExecutor

import grpc

server = grpc.server(ThreadPoolExecutor())
server.add_insecure_port("$address:$port")
server.start()
server.wait_for_termination()
