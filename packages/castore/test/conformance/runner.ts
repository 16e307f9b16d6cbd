import { afterEach, beforeEach, describe, it } from '@jest/globals';
import type { TestRunner } from '../../src/conformance/runner.ts';

/** Jest, as the suites take it. */
export const runner: TestRunner = { describe, it, beforeEach, afterEach };
