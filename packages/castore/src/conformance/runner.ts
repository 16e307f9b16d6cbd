/** The test runner that a suite is declared to: what Jest, Vitest and `node:test` have in common. */
export interface TestRunner {
  describe(name: string, body: () => void): void;
  it(name: string, body: () => Promise<void> | void): void;
  beforeEach(body: () => Promise<void> | void): void;
  afterEach(body: () => Promise<void> | void): void;
}

/** The backend that a suite is about. Each test gets a service of its own. */
export interface ConformanceSubject<Service, Digest> {
  /** What reports call it. */
  readonly name: string;
  /** A service that nothing is stored in. */
  create(): Promise<Service>;
  /** Frees what a service holds and removes what it stored. */
  destroy(service: Service): Promise<void>;
  /** Closes a service and opens what it has stored anew, as after a restart; left out where nothing lasts. */
  reopen?(service: Service): Promise<Service>;
  /**
   * Changes the stored bytes of an object behind the service's back, and answers with the service to go on with; left
   * out where that can't be done.
   */
  corrupt?(service: Service, digest: Digest): Promise<Service>;
  /**
   * Breaks what is below the service, so that it can't know anything any more, and answers with the service to go on
   * with; left out where nothing can break.
   */
  cut?(service: Service): Promise<Service>;
  /** Told of each test that is left out, and for want of what; printed where it isn't given. */
  onLeftOut?(test: string, ability: string): void;
}

/** Declares tests for one subject. */
export class Suite<Service, Digest> {
  readonly #runner: TestRunner;
  readonly #subject: ConformanceSubject<Service, Digest>;
  #service: Service | undefined;

  constructor(
    runner: TestRunner,
    subject: ConformanceSubject<Service, Digest>,
  ) {
    this.#runner = runner;
    this.#subject = subject;
  }

  /** Declares the suite: each of the groups declares its tests. */
  declare(what: string, groups: readonly ((suite: this) => void)[]): void {
    this.#runner.describe(`${what}: ${this.#subject.name}`, () => {
      this.#runner.beforeEach(async () => {
        this.#service = await this.#subject.create();
      });
      this.#runner.afterEach(async () => {
        const service = this.#service;
        this.#service = undefined;
        if (service !== undefined) await this.#subject.destroy(service);
      });
      for (const group of groups) group(this);
    });
  }

  /** Declares one test. */
  it(name: string, body: (service: Service) => Promise<void>): void {
    this.#runner.it(name, () => body(this.#service!));
  }

  /** Declares a test of what not every subject can do; where it can't, that is printed. */
  itIf<Ability extends 'reopen' | 'corrupt' | 'cut'>(
    ability: Ability,
    name: string,
    body: (
      service: Service,
      perform: (digest: Digest) => Promise<Service>,
    ) => Promise<void>,
  ): void {
    if (this.#subject[ability] === undefined) {
      this.#leaveOut(name, ability);
      return;
    }
    this.it(name, (service) =>
      body(service, async (digest) => {
        this.#service = await this.#subject[ability]!(service, digest);
        return this.#service;
      }),
    );
  }

  #leaveOut(test: string, ability: string): void {
    const { name, onLeftOut } = this.#subject;
    if (onLeftOut !== undefined) onLeftOut(test, ability);
    else console.info(`conformance of ${name}, without "${ability}": ${test}`);
  }
}
