/** @type {import('jest').Config} */
export default {
  rootDir: '.',
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/', '<rootDir>/.cache/'],
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/.cache/'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: { parser: { syntax: 'typescript' }, target: 'es2024' },
        module: { type: 'es6' },
        swcrc: false,
      },
    ],
  },
  testEnvironment: '<rootDir>/test/house/leak-check-environment.js',
  // Most of a test's time goes into waiting for peers: jest's own choice, one less than there are cores, leaves them idle.
  maxWorkers: 3,
  // The modules of a test file are not given back when it is over; where many are kept, a third of the time goes into collecting garbage.
  workerIdleMemoryLimit: '600MB',
  // Nothing is measured by it: a machine may have little time for us, and three peers that start at once want much of it.
  testTimeout: 300_000,
  // The environment fails a file that leaks; the run itself must still end.
  forceExit: true,
};
