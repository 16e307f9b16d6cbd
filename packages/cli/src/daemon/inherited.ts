import { CliError } from '../errors.ts';

/** The first file descriptor that a service manager hands over (SD_LISTEN_FDS_START). */
const FIRST_FD = 3;

/**
 * The listening socket that a service manager handed over, as sd_listen_fds(3) says: `LISTEN_PID` names this process
 * and `LISTEN_FDS` counts the sockets, the first of which is taken.
 *
 * @throws CliError `cli/socket-activation`
 */
export function inheritedSocket(
  env: Readonly<Record<string, string | undefined>>,
  pid: number,
): number {
  const { LISTEN_PID, LISTEN_FDS } = env;
  if (LISTEN_PID === undefined || LISTEN_FDS === undefined)
    throw new CliError(
      'cli/socket-activation',
      'no socket was handed over: LISTEN_PID and LISTEN_FDS are not set',
    );
  if (LISTEN_PID !== String(pid))
    throw new CliError(
      'cli/socket-activation',
      `the sockets are for another process: LISTEN_PID is ${LISTEN_PID}, this is ${pid}`,
    );
  if (!/^[1-9]\d*$/.test(LISTEN_FDS))
    throw new CliError(
      'cli/socket-activation',
      `no socket was handed over: LISTEN_FDS is ${LISTEN_FDS}`,
    );
  return FIRST_FD;
}
