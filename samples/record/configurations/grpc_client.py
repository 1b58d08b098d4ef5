import time

import grpc

OPTIONS = {
    "grpc.keepalive_time_ms": 10000,
    "grpc.keepalive_permit_without_calls": 1,
    "grpc.http2.max_pings_without_data": 0,
}
channel = grpc.insecure_channel("$peer:$port", list(OPTIONS.items()))
grpc.channel_ready_future(channel).result()
time.sleep(3600)
