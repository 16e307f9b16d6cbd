"""One client of a mounted tree; prints the seconds that its work took. Arguments: the work, the tree."""
import mmap
import os
import random
import sys
import time

work, root = sys.argv[1:]
chance = random.Random(1)
names = [os.path.join(root, 'd%04d' % (i // 100), 'f%02d' % (i % 100)) for i in range(int(os.environ['FILES']))]
big = os.path.join(root, 'big')
chance.shuffle(names)


def lstat():
    for name in names[:40000]:
        os.lstat(name)


def random_reads():
    fd = os.open(big, os.O_RDONLY)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_RANDOM)
    pages = os.fstat(fd).st_size // 4096
    for _ in range(20000):
        os.pread(fd, 4096, chance.randrange(pages) * 4096)


def small_files():
    for name in names[:20000]:
        fd = os.open(name, os.O_RDONLY)
        os.read(fd, 4096)
        os.close(fd)


def sequential():
    fd = os.open(big, os.O_RDONLY)
    buffer = bytearray(1 << 20)
    while os.readv(fd, [buffer]):
        pass


def mapped():
    fd = os.open(big, os.O_RDONLY)
    size = os.fstat(fd).st_size
    view = mmap.mmap(fd, size, prot=mmap.PROT_READ)
    total = 0
    for at in range(0, size, 1 << 20):
        total += view[at:at + (1 << 20)].count(0)


WORK = {'lstat': lstat, 'random': random_reads, 'small': small_files, 'sequential': sequential, 'mapped': mapped}
start = time.perf_counter()
WORK[work]()
print(time.perf_counter() - start)
