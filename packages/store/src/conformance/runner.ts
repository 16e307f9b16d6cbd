/** What a suite needs of a test runner; Jest, Vitest and `node:test` all have it. */
export interface ConformanceRunner {
  describe(name: string, define: () => void): void;
  it(name: string, test: () => Promise<void> | void): void;
  beforeEach(prepare: () => Promise<void> | void): void;
  afterEach(cleanUp: () => Promise<void> | void): void;
}
