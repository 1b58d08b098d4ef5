/* What libpcap alone takes: every packet is fetched, nothing is done with it. */
#include <pcap.h>
#include <stdio.h>

int main(int argc, char **argv) {
    char error[PCAP_ERRBUF_SIZE];
    struct pcap_pkthdr *header;
    const u_char *octets;
    long packets = 0;
    pcap_t *capture = argc == 2 ? pcap_open_offline(argv[1], error) : NULL;
    if (!capture) return 2;
    while (pcap_next_ex(capture, &header, &octets) == 1) packets++;
    printf("%ld\n", packets);
    return 0;
}
