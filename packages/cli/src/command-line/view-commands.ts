import type { Command as CommanderCommand } from 'commander';
import type { AddCommand } from './add-command.ts';
import { examples } from './examples.ts';
import { withStore } from './store-options.ts';

/** The commands that show a store as a file system. */
export function addViewCommands(
  program: CommanderCommand,
  add: AddCommand,
): void {
  withStore(
    add(
      program,
      'mount <destination> [command...]',
      async () => (await import('../commands/mount.ts')).mount,
    ),
  )
    .summary('show the store as a directory')
    .description(
      'Mounts the store read-only at a directory, through FUSE, until SIGINT, SIGTERM or an unmount. Everybody but root needs fusermount3.',
    )
    .option('-l, --list-root', 'let the root be listed')
    .option(
      '--castore <digest>',
      'mount the directory of that digest, without Nix',
    )
    .option(
      '--exec',
      'run a command that alone sees the mount, and end with it and its exit code; -- lets it have options',
    )
    .option(
      '--allow-other',
      'let other users look, too (needs root, or user_allow_other in /etc/fuse.conf)',
    )
    .option(
      '--xattrs',
      'show digests as the extended attributes user.tvix.castore.blob.digest and user.tvix.castore.directory.digest',
    )
    .option(
      '--passthrough',
      'let the kernel read large files from copies in the temporary directory (needs root and Linux 6.9)',
    )
    .addHelpText(
      'after',
      examples(
        'tvix-store mount /mnt -l',
        'tvix-store mount /nix/store --allow-other --store local:/srv/store',
        "tvix-store mount /nix/store --exec -- bash -c 'ls -l /nix/store/…-hello'",
        'tvix-store mount --castore "$(tvix-store castore put ./tree)" /mnt',
        "tvix-store mount /mnt --store local:/srv/mirror --path-info-service-addr 'nix+https://cache.nixos.org?trusted-public-keys=…'",
      ),
    );

  withStore(
    add(
      program,
      'virtiofs <socket>',
      async () => (await import('../commands/virtiofs.ts')).virtiofs,
    ),
  )
    .summary('show the store to virtual machines')
    .description(
      'Serves the store as a read-only file system to virtual machines, at a unix socket for their vhost-user-fs devices, until SIGINT or SIGTERM.',
    )
    .option('-l, --list-root', 'let the root be listed')
    .addHelpText(
      'after',
      examples(
        'tvix-store virtiofs /run/tvix.sock',
        'qemu-system-x86_64 -m 1G -machine q35,memory-backend=mem -object memory-backend-memfd,id=mem,size=1G,share=on -chardev socket,id=store,path=/run/tvix.sock -device vhost-user-fs-pci,queue-size=1024,chardev=store,tag=tvix …',
        'mount -t virtiofs tvix /nix/store -o ro      (in the machine)',
      ),
    );
}
