/** /proc/cpuinfo as each kind of machine prints it, shortened: two processors, fewer flags. */
export const cpuInfoTexts = {
  intelCloud: `processor	: 0
vendor_id	: GenuineIntel
cpu family	: 6
model		: 106
model name	: Intel(R) Xeon(R) Platinum 8370C CPU @ 2.80GHz
stepping	: 6
microcode	: 0xffffffff
cpu MHz		: 2793.437
cache size	: 49152 KB
physical id	: 0
siblings	: 2
core id		: 0
cpu cores	: 1
flags		: fpu vme de pse tsc msr pae mce cx8 sse sse2 ht syscall nx rdtscp lm constant_tsc hypervisor lahf_lm avx2 avx512f
bugs		: spectre_v1 spectre_v2 spec_store_bypass swapgs
bogomips	: 5586.87

processor	: 1
vendor_id	: GenuineIntel
cpu family	: 6
model		: 106
model name	: Intel(R) Xeon(R) Platinum 8370C CPU @ 2.80GHz
stepping	: 6
microcode	: 0xffffffff
cpu MHz		: 2793.437
flags		: fpu vme de pse tsc msr pae mce cx8 sse sse2 ht syscall nx rdtscp lm constant_tsc hypervisor lahf_lm avx2 avx512f
bogomips	: 5586.87

`,
  amdDesktop: `processor	: 0
vendor_id	: AuthenticAMD
cpu family	: 25
model		: 33
model name	: AMD Ryzen 9 5950X 16-Core Processor
stepping	: 2
cpu MHz		: 3400.000
flags		: fpu vme de pse tsc msr sse sse2 ht syscall nx rdtscp lm constant_tsc svm avx2
TLB size	: 2560 4K pages

processor	: 1
vendor_id	: AuthenticAMD
cpu family	: 25
model		: 33
model name	: AMD Ryzen 9 5950X 16-Core Processor
stepping	: 2
cpu MHz		: 2200.000
flags		: fpu vme de pse tsc msr sse sse2 ht syscall nx rdtscp lm constant_tsc svm avx2
TLB size	: 2560 4K pages

`,
  graviton2: `processor	: 0
BogoMIPS	: 243.75
Features	: fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp ssbs
CPU implementer	: 0x41
CPU architecture: 8
CPU variant	: 0x3
CPU part	: 0xd0c
CPU revision	: 1

processor	: 1
BogoMIPS	: 243.75
Features	: fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp ssbs
CPU implementer	: 0x41
CPU architecture: 8
CPU variant	: 0x3
CPU part	: 0xd0c
CPU revision	: 1

`,
  graviton3: `processor	: 0
BogoMIPS	: 2100.00
Features	: fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm jscvt fcma lrcpc dcpop sha3 sm3 sm4 asimddp sha512 sve asimdfhm dit uscat ilrcpc flagm ssbs paca pacg dcpodp svei8mm svebf16 i8mm bf16 dgh rng
CPU implementer	: 0x41
CPU architecture: 8
CPU variant	: 0x1
CPU part	: 0xd40
CPU revision	: 1

processor	: 1
BogoMIPS	: 2100.00
Features	: fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm jscvt fcma lrcpc dcpop sha3 sm3 sm4 asimddp sha512 sve asimdfhm dit uscat ilrcpc flagm ssbs paca pacg dcpodp svei8mm svebf16 i8mm bf16 dgh rng
CPU implementer	: 0x41
CPU architecture: 8
CPU variant	: 0x1
CPU part	: 0xd40
CPU revision	: 1

`,
  /** A board with two kinds of cores, and a last block that is no processor. */
  bigLittleBoard: `processor	: 0
BogoMIPS	: 48.00
Features	: fp asimd evtstrm aes pmull sha1 sha2 crc32 cpuid
CPU implementer	: 0x41
CPU architecture: 8
CPU variant	: 0x0
CPU part	: 0xd03
CPU revision	: 4

processor	: 1
BogoMIPS	: 48.00
Features	: fp asimd evtstrm aes pmull sha1 sha2 crc32 cpuid
CPU implementer	: 0x41
CPU architecture: 8
CPU variant	: 0x0
CPU part	: 0xd08
CPU revision	: 2

Serial		: 9c2ba3f1d6a1c1b2
Model		: Pine64 RockPro64 v2.1
`,
} as const;

/** /proc/self/cgroup and /proc/self/mountinfo as they stand in different set-ups. */
export const cgroupTexts = {
  /** A user's shell under systemd with unified control groups. */
  unified: {
    membership: '0::/user.slice/user-1000.slice/session-3.scope\n',
    mountinfo: `24 30 0:22 / /sys rw,nosuid,nodev,noexec,relatime shared:7 - sysfs sysfs rw
35 24 0:30 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot
`,
  },
  /** Docker on v1 without a namespace for control groups: the mount shows the own branch only. */
  dockerV1: {
    membership: `12:cpuset:/docker/4f2d
5:cpu,cpuacct:/docker/4f2d
1:name=systemd:/docker/4f2d
`,
    mountinfo: `700 690 0:31 / /sys ro,nosuid,nodev,noexec,relatime - sysfs sysfs ro
712 701 0:33 /docker/4f2d /sys/fs/cgroup/cpu,cpuacct ro,nosuid,nodev,noexec,relatime master:15 - cgroup cgroup rw,cpu,cpuacct
713 701 0:34 /docker/4f2d /sys/fs/cgroup/cpuset ro,nosuid,nodev,noexec,relatime master:16 - cgroup cgroup rw,cpuset
`,
  },
  /** v1 controllers and a v2 tree without controllers, as systemd's hybrid mode has them. */
  hybrid: {
    membership: '4:cpu,cpuacct:/ci/job\n1:name=systemd:/ci/job\n0::/ci/job\n',
    mountinfo: `31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
`,
  },
} as const;
