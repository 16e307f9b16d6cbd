/** How long calls and transfers that are under way may take to finish when the daemon stops. */
export const GRACE_MS = 30_000;
