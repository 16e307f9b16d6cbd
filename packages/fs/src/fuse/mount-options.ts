/** How the kernel is told to mount. */
export interface KernelMountOptions {
  /** What stands as the source in `/proc/mounts`. Default: `tvix-store`. */
  readonly fsName?: string;
  /** Whether other users may look. A user needs `user_allow_other` in `/etc/fuse.conf` for that. Default: no. */
  readonly allowOther?: boolean;
}

/** What every mount has: nothing can be changed, no set-uid program and no device works. */
const ALWAYS = 'ro,nosuid,nodev,noatime,default_permissions';

/** Options for `mount(8)`, with the descriptor of `/dev/fuse` as the program sees it. */
export function mountOptionText(
  fd: number,
  { allowOther = false }: KernelMountOptions,
): string {
  const own = `fd=${fd},rootmode=40000,user_id=0,group_id=0`;
  return `${own},${ALWAYS}${allowOther ? ',allow_other' : ''}`;
}

/** Options for `fusermount3`, which adds the descriptor and the user by itself. */
export function userMountOptionText({
  fsName = DEFAULT_FS_NAME,
  allowOther = false,
}: KernelMountOptions): string {
  const name = fsName.replaceAll(/[\\,]/g, '\\$&');
  return `${ALWAYS},fsname=${name}${allowOther ? ',allow_other' : ''}`;
}

/** The source of mounts that nobody named. */
export const DEFAULT_FS_NAME = 'tvix-store';
