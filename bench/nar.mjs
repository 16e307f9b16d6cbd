// The NAR codec as a tool: a tree from disk into a pipe, and the listing of a large archive.
import { against, once, race, tvixStore, withScratch } from './measure.mjs';

export const title = 'NAR from disk, and listing';

export function run() {
  return withScratch(async (folder) => {
    const [ours, theirs] = await race(
      [
        {
          name: 'tvix-store nar dump',
          command: `${tvixStore('nar dump /usr/share')} | cat > /dev/null`,
        },
        {
          name: 'nix-store --dump',
          command: 'nix-store --dump /usr/share | cat > /dev/null',
        },
      ],
      { runs: 5 },
    );

    // 1 GiB in files of 256 KiB, as a software package of that size might be.
    const tree = `${folder}/tree`;
    await once(
      `mkdir '${tree}' && cd '${tree}' && for d in $(seq 16); do mkdir d$d && head -c 67108864 /dev/zero | split -b 262144 -a 3 - d$d/f; done && nix-store --dump '${tree}' > '${folder}/large.nar' && rm -r '${tree}'`,
    );
    const nix = `nix --extra-experimental-features nix-command nar ls --json -R '${folder}/large.nar' /`;
    const [list, nixList] = await race([
      {
        name: 'tvix-store nar ls',
        command: `${tvixStore(`nar ls --json -R '${folder}/large.nar' /`)} > /dev/null`,
      },
      { name: 'nix nar ls', command: `${nix} > /dev/null` },
    ]);
    return [
      against('`nar dump /usr/share` into a pipe', ours, theirs),
      against('`nar ls -R --json` of a NAR of 1 GiB', list, nixList),
    ];
  });
}
