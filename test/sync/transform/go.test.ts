import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { compileTemplate } from '../../../src/sync/transform/template/template.ts';
import { type JsonObject, parseExactly } from '../../../src/vault/json.ts';
import { type Answer, askGo, type Question } from './ask-go.ts';
import { mutilatedQuestions, printfQuestions } from './generate-mistakes.ts';
import { generatedQuestions } from './generate-templates.ts';
import { ancestorTable, secret, table } from './go-table.ts';

const seed = 20_260_612;

/** What we make of a template. */
function ours({ template, data }: Question): Answer {
  try {
    return { output: compileTemplate(template)(parseExactly(JSON.stringify(data)) as JsonObject) };
  } catch (error) {
    return { error: String(error) };
  }
}

function differencesBetween(questions: readonly Question[], answers: readonly Answer[]) {
  return questions
    .map((question, index) => ({ ...question, go: answers[index] as Answer, ours: ours(question) }))
    .filter(({ go, ours: mine }) => outcomeOf(go) !== outcomeOf(mine) && !isKnown(go, mine));
}

function outcomeOf(answer: Answer): string {
  return 'output' in answer ? `rendered ${answer.output}` : 'refused';
}

/** What docs/reference/templates.md says is different. */
function isKnown(go: Answer, mine: Answer): boolean {
  // A fraction of the secret compares with a whole number here; Go wants both of one type.
  if ('error' in go) return /incompatible types for comparison: .*float64/.test(go.error);
  return 'error' in mine && /\bleft out\b/.test(mine.error);
}

describe('templates, compared with Go', () => {
  test('render the same bytes, or are refused by both', async () => {
    const questions = Object.values(table).flatMap((templates) =>
      templates.map((template) => ({ template, data: secret })),
    );

    const answers = await askGo(questions);

    expect(differencesBetween(questions, answers)).toEqual([]);
  });

  test('render the same bytes as for the ancestor, to whom every number is a float', async () => {
    const questions = ancestorTable.map((template) => ({ template, data: secret, floats: true }));

    const answers = await askGo(questions);

    expect(differencesBetween(questions, answers)).toEqual([]);
    expect(answers.filter((answer) => 'error' in answer)).toEqual([]);
  });

  test('render the same bytes for thousands of generated templates', async () => {
    const questions = fc.sample(generatedQuestions, { seed, numRuns: 4_000 });

    const answers = await askGo(questions);

    const rendered = answers.filter((answer) => 'output' in answer);
    expect(differencesBetween(questions, answers)).toEqual([]);
    expect(rendered.length).toBeGreaterThan(2_000);
  });

  test('render the same bytes for any number, text and directive of printf', async () => {
    const questions = fc.sample(printfQuestions, { seed, numRuns: 4_000 });

    const answers = await askGo(questions);

    expect(differencesBetween(questions, answers)).toEqual([]);
  });

  test('are refused by both when a character is lost, doubled or changed, or mean the same to both', async () => {
    const templates = Object.values(table).flat();
    const questions = fc.sample(mutilatedQuestions(templates, secret), { seed, numRuns: 4_000 });

    const answers = await askGo(questions);

    expect(differencesBetween(questions, answers)).toEqual([]);
  });
});
