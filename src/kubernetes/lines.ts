/** Lines of UTF-8 from chunks cut anywhere. A last line without its end is half an event, and left out. */
export async function* linesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let begun: string[] = [];
  for await (const chunk of chunks) {
    const parts = decoder.decode(chunk, { stream: true }).split('\n');
    const last = parts.pop() ?? '';
    for (const part of parts) {
      const line = [...begun, part].join('');
      begun = [];
      if (line !== '') yield line;
    }
    if (last !== '') begun.push(last);
  }
}
