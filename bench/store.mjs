// NARs out of the store.
import { against, once, race, tvixStore, withScratch } from './measure.mjs';

export const title = 'NAR out of the store';

export function run() {
  return withScratch(async (folder) => {
    const store = `local:${folder}/local`;
    const nix = { NIX_REMOTE: `local?root=${folder}/nix` };
    await once(`mkdir '${folder}/nix'`);
    const { stdout: storePath } = await once(
      `${tvixStore(`import --no-file-cache --store '${store}' /usr/share`)}`,
    );
    await once('nix-store --add /usr/share', nix);
    const [ours, theirs] = await race([
      {
        name: 'tvix-store nar dump',
        command: `${tvixStore(`nar dump --store '${store}' ${storePath}`)} | cat > /dev/null`,
      },
      {
        name: 'nix-store --dump',
        command: `nix-store --dump '${folder}/nix${storePath}' | cat > /dev/null`,
      },
    ]);
    return [
      against('`nar dump STOREPATH` of /usr/share into a pipe', ours, theirs),
    ];
  });
}
