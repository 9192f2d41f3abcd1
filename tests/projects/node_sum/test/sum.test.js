import assert from 'node:assert';
import test, { describe, it } from 'node:test';
import { sum } from '../lib/sum.js';

test('adds nothing', () => assert.strictEqual(sum(), 0));
test('adds two', () => assert.strictEqual(sum(1, 2), 3));
test('later', { skip: true }, () => {});
describe('many', () => {
  it('adds three', () => assert.strictEqual(sum(1, 2, 3), 6));
});
