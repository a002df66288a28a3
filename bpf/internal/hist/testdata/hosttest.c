/* Reads numbers, records each, and prints the bucket of each and then sum, maximum and overflow:
 * include/histogram.bpf.h as the host's compiler understands it. */
#include <stdio.h>

typedef unsigned int __u32;
typedef unsigned long long __u64;
#define INLINE static inline
#include "histogram.bpf.h"

static struct histogram plain, preemptible;

int main(void)
{
	__u64 v;
	int i;

	while (scanf("%llu", &v) == 1) {
		printf("%u\n", histogram_index(v));
		histogram_record(&plain, v);
		histogram_record_preemptible(&preemptible, v);
	}
	printf("%llu %llu %llu\n", plain.sum, plain.max, plain.overflow);
	for (i = 0; i < HISTOGRAM_SLOTS; i++)
		if (plain.buckets[i] != preemptible.buckets[i])
			return 1;
	return plain.sum != preemptible.sum || plain.max != preemptible.max;
}
