/* The application at one end, on lwIP in place of the kernel's TCP: plan and log as in plan.py. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lwip/err.h"
#include "lwip/etharp.h"
#include "lwip/netif.h"
#include "lwip/priv/tcp_priv.h"
#include "lwip/tcp.h"
#include "lwip/tcpip.h"

enum { MOST = 256, LONGEST = 2048, LOOK_US = 20000 };

struct connection {
  struct tcp_pcb *pcb;
  int port;
  double data_at, heard_at;
  u32_t heard_tick;
  int unanswered;
  int keepalive, idle_ms, interval_ms, count;
};

struct step {
  double at;
  char verb[16], argument[32];
  struct connection *connection;
  char peer[32];
  int to;
};

static double start, seconds;
static struct connection connections[MOST];
static struct step steps[MOST * 4];
static int opened, planned;
static int wire;
static struct netif interface;
static unsigned char hardware[ETH_ALEN];

static void fail(const char *what) {
  perror(what);
  exit(1);
}

/* Seconds after the plan's start, on the clock of all that record. */
static double now(void) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return at.tv_sec + at.tv_nsec / 1e9 - start;
}

static void say(const char *event, int port, const char *format, ...) {
  va_list details;
  va_start(details, format);
  printf("{\"t\": %.3f, \"event\": \"%s\", \"port\": %d", now(), event, port);
  vprintf(format, details);
  printf("}\n");
  fflush(stdout);
  va_end(details);
}

/* What a socket's user would be told of ERR_ABRT, ERR_RST …, as lwIP translates it. */
static const char *errno_of(err_t failure) {
  const char *name = strerrorname_np(err_to_errno(failure));
  return name ? name : "none";
}

/* The settings as the pcb has them; it is gone once lwIP has told of an error. */
static void remember(struct connection *one) {
  struct tcp_pcb *pcb = one->pcb;
  one->keepalive = ip_get_option(pcb, SOF_KEEPALIVE) != 0;
  one->idle_ms = pcb->keep_idle;
  one->interval_ms = pcb->keep_intvl;
  one->count = pcb->keep_cnt;
  one->unanswered = pcb->keep_cnt_sent;
  if (pcb->tmr != one->heard_tick)
    one->heard_tick = pcb->tmr, one->heard_at = now();
}

static void last_words(struct connection *one) {
  say("settings", one->port,
      ", \"settings\": {\"keepalive\": %d, \"time\": %g, \"intvl\": %g, \"probes\": %d, \"user_timeout_ms\": 0}, "
      "\"probes_out\": %d, \"since_data_ms\": %d, \"since_ack_ms\": %d, \"waiting\": 0",
      one->keepalive, one->idle_ms / 1000.0, one->interval_ms / 1000.0, one->count, one->unanswered,
      (int)((now() - one->data_at) * 1000), (int)((now() - one->heard_at) * 1000));
  one->pcb = NULL;
}

static void on_error(void *argument, err_t failure) {
  struct connection *one = argument;
  say("error", one->port, ", \"errno\": \"%s\"", errno_of(failure));
  last_words(one);
}

static err_t on_data(void *argument, struct tcp_pcb *pcb, struct pbuf *data, err_t failure) {
  struct connection *one = argument;
  (void)failure;
  if (data == NULL) { /* as lwIP's sockets do once the end of the stream is read (api_lib.c netconn_recv_data) */
    say("end-of-stream", one->port, "");
    return tcp_shutdown(pcb, 1, 0);
  }
  one->data_at = now();
  tcp_recved(pcb, data->tot_len);
  pbuf_free(data);
  return ERR_OK;
}

static err_t on_connected(void *argument, struct tcp_pcb *pcb, err_t failure) {
  (void)argument, (void)pcb;
  return failure;
}

static void open_connection(struct step *step) {
  struct connection *one = step->connection;
  struct tcp_pcb *pcb = tcp_new();
  ip_addr_t peer;
  ipaddr_aton(step->peer, &peer);
  one->pcb = pcb;
  one->data_at = one->heard_at = now();
  tcp_arg(pcb, one);
  tcp_err(pcb, on_error);
  tcp_recv(pcb, on_data);
  if (one->keepalive)
    ip_set_option(pcb, SOF_KEEPALIVE);
  if (one->idle_ms)
    pcb->keep_idle = one->idle_ms;
  if (one->interval_ms)
    pcb->keep_intvl = one->interval_ms;
  if (one->count)
    pcb->keep_cnt = one->count;
  if (tcp_bind(pcb, IP_ANY_TYPE, one->port) != ERR_OK || tcp_connect(pcb, &peer, step->to, on_connected) != ERR_OK)
    fail("tcp_connect");
}

static void act(struct step *step) {
  struct connection *one = step->connection;
  if (strcmp(step->verb, "open") == 0) {
    open_connection(step);
  } else if (one->pcb == NULL) {
    return;
  } else if (strcmp(step->verb, "send") == 0) {
    char octets[LONGEST];
    memset(octets, 'k', sizeof octets);
    one->data_at = now();
    if (tcp_write(one->pcb, octets, atoi(step->argument), TCP_WRITE_FLAG_COPY) != ERR_OK || tcp_output(one->pcb) != ERR_OK)
      fail("tcp_write");
  } else if (strcmp(step->verb, "shutdown") == 0) {
    say("closes", one->port, ", \"how\": \"fin\"");
    tcp_shutdown(one->pcb, 0, 1);
  } else if (strcmp(step->verb, "close") == 0) {
    say("closes", one->port, ", \"how\": \"fin\"");
    struct tcp_pcb *pcb = one->pcb;
    last_words(one);
    tcp_arg(pcb, NULL);
    tcp_err(pcb, NULL);
    tcp_recv(pcb, NULL);
    tcp_close(pcb);
  } else {
    fail(step->verb);
  }
}

static err_t transmit(struct netif *netif, struct pbuf *frame) {
  char octets[LONGEST];
  (void)netif;
  pbuf_copy_partial(frame, octets, frame->tot_len, 0);
  return write(wire, octets, frame->tot_len) == frame->tot_len ? ERR_OK : ERR_IF;
}

static void receive(void *nothing) {
  char octets[LONGEST];
  (void)nothing;
  for (;;) {
    ssize_t length = read(wire, octets, sizeof octets);
    if (length <= 0)
      return;
    struct pbuf *frame = pbuf_alloc(PBUF_RAW, length, PBUF_POOL);
    if (frame == NULL)
      continue;
    pbuf_take(frame, octets, length);
    if (interface.input(frame, &interface) != ERR_OK)
      pbuf_free(frame);
  }
}

static err_t bring_up(struct netif *netif) {
  netif->name[0] = 'e', netif->name[1] = 't';
  netif->output = etharp_output;
  netif->linkoutput = transmit;
  netif->mtu = 1500;
  netif->hwaddr_len = ETH_ALEN;
  memcpy(netif->hwaddr, hardware, ETH_ALEN);
  netif->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET | NETIF_FLAG_LINK_UP;
  return ERR_OK;
}

/* Give the interface's address to lwIP; the kernel knows none. */
static void build_network(const char *line) {
  char name[16], address[32], gateway[32];
  int prefix, yes = 1;
  if (sscanf(line, "network %15s %31s %d %31s", name, address, &prefix, gateway) != 4)
    fail(line);
  wire = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
  struct sockaddr_ll place = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
  place.sll_ifindex = if_nametoindex(name);
  setsockopt(wire, SOL_PACKET, PACKET_IGNORE_OUTGOING, &yes, sizeof yes);
  if (bind(wire, (struct sockaddr *)&place, sizeof place) != 0)
    fail(name);
  struct ifreq request = {0};
  strcpy(request.ifr_name, name);
  if (ioctl(wire, SIOCGIFHWADDR, &request) != 0)
    fail(name);
  memcpy(hardware, request.ifr_hwaddr.sa_data, ETH_ALEN);
  tcpip_init(NULL, NULL);
  ip4_addr_t own, mask, router;
  ip4addr_aton(address, &own);
  ip4_addr_set_u32(&mask, htonl(0xffffffffu << (32 - prefix)));
  ip4_addr_set_any(&router);
  if (strcmp(gateway, "-") != 0)
    ip4addr_aton(gateway, &router);
  LOCK_TCPIP_CORE();
  netif_add(&interface, &own, &mask, &router, NULL, bring_up, tcpip_input);
  netif_set_default(&interface);
  netif_set_up(&interface);
  UNLOCK_TCPIP_CORE();
  sys_thread_new("receive", receive, NULL, 0, 0);
}

static struct connection *connection_at(int port) {
  for (int place = 0; place < opened; place++)
    if (connections[place].port == port)
      return &connections[place];
  connections[opened].port = port;
  return &connections[opened++];
}

static void plan_open(const char *line) {
  struct step *step = &steps[planned++];
  int port, keepalive, count;
  double idle, interval, user_timeout;
  if (sscanf(line, "open %d %lf %31s %d %d %lf %lf %d %lf", &port, &step->at, step->peer, &step->to, &keepalive, &idle,
             &interval, &count, &user_timeout) != 9 || user_timeout)
    fail(line);
  strcpy(step->verb, "open");
  struct connection *one = step->connection = connection_at(port);
  one->keepalive = keepalive, one->idle_ms = idle * 1000, one->interval_ms = interval * 1000, one->count = count;
}

static void plan_step(const char *line) {
  struct step *step = &steps[planned++];
  int port;
  if (sscanf(line, "step %d %lf %15s %31s", &port, &step->at, step->verb, step->argument) < 3)
    fail(line);
  step->connection = connection_at(port);
}

static int by_time(const void *one, const void *other) {
  double difference = ((const struct step *)one)->at - ((const struct step *)other)->at;
  return (difference > 0) - (difference < 0);
}

int main(void) {
  char line[256];
  while (seconds == 0 && fgets(line, sizeof line, stdin) != NULL) {
    if (strncmp(line, "network", 7) == 0)
      build_network(line);
    else if (strncmp(line, "open", 4) == 0)
      plan_open(line);
    else if (strncmp(line, "step", 4) == 0)
      plan_step(line);
    else if (sscanf(line, "run %lf %lf", &start, &seconds) != 2)
      fail(line);
  }
  qsort(steps, planned, sizeof *steps, by_time);
  say("ready", 0, "");
  for (int next = 0; now() < seconds; usleep(LOOK_US)) {
    LOCK_TCPIP_CORE();
    while (next < planned && steps[next].at <= now())
      act(&steps[next++]);
    for (int place = 0; place < opened; place++)
      if (connections[place].pcb != NULL)
        remember(&connections[place]);
    UNLOCK_TCPIP_CORE();
  }
  LOCK_TCPIP_CORE();
  for (int place = 0; place < opened; place++)
    if (connections[place].pcb != NULL)
      last_words(&connections[place]);
  say("done", 0, "");
  UNLOCK_TCPIP_CORE();
  while (fgets(line, sizeof line, stdin) != NULL) /* the connections stay as they are until then */
    ;
  _exit(0);
}
