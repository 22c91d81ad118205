export type CommandsSearch = { status?: string; type?: string; batch?: string };

const text = (value: unknown) => (typeof value === "string" && value !== "" ? value : undefined);

export function commandsSearch(search: Record<string, unknown>): CommandsSearch {
  const found = { status: text(search.status), type: text(search.type), batch: text(search.batch) };
  return JSON.parse(JSON.stringify(found)) as CommandsSearch;
}
