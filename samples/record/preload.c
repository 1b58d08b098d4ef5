/* Makes an unchanged program use keepalive: every TCP socket it opens gets SO_KEEPALIVE. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/socket.h>

int socket(int domain, int type, int protocol) {
  int (*real)(int, int, int) = (int (*)(int, int, int))dlsym(RTLD_NEXT, "socket");
  int descriptor = real(domain, type, protocol), on = 1;
  if (descriptor >= 0 && (type & 0xf) == SOCK_STREAM && (domain == AF_INET || domain == AF_INET6))
    setsockopt(descriptor, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  return descriptor;
}
