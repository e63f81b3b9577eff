"""Numbers of the calls that the engine may make: (x86_64, aarch64).

Sources: arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h of Linux. Found by tracing the
engine over joins, sorts, spills and exports; kept to what those need. No socket, fork, exec, ptrace, mount, unshare,
io_uring, keyctl, bpf, userfaultfd, memfd, kill or set-rlimit call is here.
"""

X32_BIT = 0x4000_0000

ALLOWED: dict[str, tuple[int, int]] = {
    "futex": (202, 98),
    "pread64": (17, 67),
    "read": (0, 63),
    "write": (1, 64),
    "madvise": (28, 233),
    "munmap": (11, 215),
    "brk": (12, 214),
    "sched_yield": (24, 124),
    "clock_gettime": (228, 113),
    "clock_nanosleep": (230, 115),
    "nanosleep": (35, 101),
    "clock_getres": (229, 114),
    "gettimeofday": (96, 169),
    "getrandom": (318, 278),
    "rt_sigprocmask": (14, 135),
    "rt_sigaction": (13, 134),
    "rt_sigreturn": (15, 139),
    "sigaltstack": (131, 132),
    "restart_syscall": (219, 128),
    "set_robust_list": (273, 99),
    "rseq": (334, 293),
    "set_tid_address": (218, 96),
    "membarrier": (324, 283),
    "exit": (60, 93),
    "exit_group": (231, 94),
    "mremap": (25, 216),
    "getpid": (39, 172),
    "gettid": (186, 178),
    "getppid": (110, 173),
    "getuid": (102, 174),
    "geteuid": (107, 175),
    "getgid": (104, 176),
    "getegid": (108, 177),
    "sched_getaffinity": (204, 123),
    "getcpu": (309, 168),
    "getrusage": (98, 165),
    "sysinfo": (99, 179),
    "uname": (63, 160),
    "openat": (257, 56),
    "close": (3, 57),
    "lseek": (8, 62),
    "readv": (19, 65),
    "writev": (20, 66),
    "preadv": (295, 69),
    "pwritev": (296, 70),
    "pwrite64": (18, 68),
    "fcntl": (72, 25),
    "dup": (32, 23),
    "pipe2": (293, 59),
    "eventfd2": (290, 19),
    "ppoll": (271, 73),
    "fstat": (5, 80),
    "newfstatat": (262, 79),
    "statx": (332, 291),
    "statfs": (137, 43),
    "fstatfs": (138, 44),
    "faccessat": (269, 48),
    "faccessat2": (439, 439),
    "readlinkat": (267, 78),
    "getcwd": (79, 17),
    "getdents64": (217, 61),
    "ftruncate": (77, 46),
    "fallocate": (285, 47),
    "fadvise64": (221, 223),
    "fsync": (74, 82),
    "fdatasync": (75, 83),
    "unlinkat": (263, 35),
    "mkdirat": (258, 34),
    "renameat": (264, 38),
    "renameat2": (316, 276),
}

LEGACY_X86_64: dict[str, int] = {
    "open": 2,
    "stat": 4,
    "lstat": 6,
    "poll": 7,
    "access": 21,
    "dup2": 33,
    "readlink": 89,
    "rename": 82,
    "mkdir": 83,
    "rmdir": 84,
    "unlink": 87,
    "getdents": 78,
    "time": 201,
}
"""Calls that newer architectures replaced by their `-at` forms."""

CLONE = (56, 220)
CLONE3 = (435, 435)
MMAP = (9, 222)
MPROTECT = (10, 226)
PRCTL = (157, 167)
PRLIMIT64 = (302, 261)
