// A tree of tens of thousands of files into an empty store.
import { against, race, tvixStore, withScratch } from './measure.mjs';

export const title = 'Import of /usr/share into an empty store';

export function run() {
  return withScratch(async (folder) => {
    const quiet = '> /dev/null 2>&1';
    const contenders = [
      {
        name: 'tvix-store import',
        before: `rm -rf '${folder}/local'`,
        command: `${tvixStore(`import --no-file-cache --store 'local:${folder}/local' /usr/share`)} ${quiet}`,
      },
      {
        name: 'borg create',
        before: `rm -rf '${folder}/borg' '${folder}/home' && mkdir '${folder}/home' && borg init -e none '${folder}/borg'`,
        command: `borg create '${folder}/borg::a' /usr/share ${quiet}`,
        env: {
          HOME: `${folder}/home`,
          BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK: 'yes',
        },
      },
      {
        name: 'restic backup',
        before: `rm -rf '${folder}/restic' && restic init -r '${folder}/restic' ${quiet}`,
        command: `restic -r '${folder}/restic' backup /usr/share ${quiet}`,
        env: { RESTIC_PASSWORD: 'bench', HOME: folder },
      },
      {
        name: 'nix-store --add',
        before: `chmod -R u+w '${folder}/nix' 2> /dev/null; rm -rf '${folder}/nix' && mkdir '${folder}/nix'`,
        command: `nix-store --add /usr/share ${quiet}`,
        env: { NIX_REMOTE: `local?root=${folder}/nix` },
      },
      {
        name: 'tar, zstd -1 -T2',
        command: `tar -C / -c usr/share | zstd -q -1 -T2 > '${folder}/tar.zst'`,
      },
    ];
    const [ours, ...others] = await race(contenders);
    return others.map((theirs) => against('import', ours, theirs));
  });
}
