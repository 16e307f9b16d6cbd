import { ServerError, Status } from 'nice-grpc';
import type { CallContext, ServiceImplementation } from 'nice-grpc';
import {
  HealthCheckResponse_ServingStatus as ServingStatus,
  type HealthCheckRequest,
  type HealthCheckResponse,
  type HealthDefinition,
} from '../proto/gen/grpc/health/v1/health.ts';
import { whenAborted } from './until-aborted.ts';

/**
 * `grpc.health.v1.Health`: the server and each of its services are SERVING until the server stops, and NOT_SERVING while
 * it finishes the calls that are under way. Watchers learn of that, and their streams end.
 */
export class HealthService implements ServiceImplementation<
  typeof HealthDefinition
> {
  readonly #services: () => readonly string[];
  readonly #stopping: AbortSignal;

  /** @param services the full names of the services that are served */
  constructor(services: () => readonly string[], stopping: AbortSignal) {
    this.#services = services;
    this.#stopping = stopping;
  }

  async check({ service }: HealthCheckRequest): Promise<HealthCheckResponse> {
    if (!this.#serves(service))
      throw new ServerError(
        Status.NOT_FOUND,
        `the service "${service}" isn't served`,
      );
    return { status: this.#statusOf(service) };
  }

  async *watch(
    { service }: HealthCheckRequest,
    { signal }: CallContext,
  ): AsyncGenerator<HealthCheckResponse, void> {
    const before = this.#statusOf(service);
    yield { status: before };
    const stopping = whenAborted(this.#stopping);
    const left = whenAborted(signal);
    try {
      await Promise.race([stopping.promise, left.promise]);
    } finally {
      stopping.forget();
      left.forget();
    }
    const after = this.#statusOf(service);
    if (!signal.aborted && after !== before) yield { status: after };
  }

  #serves(service: string): boolean {
    return service === '' || this.#services().includes(service);
  }

  #statusOf(service: string): ServingStatus {
    if (!this.#serves(service)) return ServingStatus.SERVICE_UNKNOWN;
    return this.#stopping.aborted
      ? ServingStatus.NOT_SERVING
      : ServingStatus.SERVING;
  }
}
