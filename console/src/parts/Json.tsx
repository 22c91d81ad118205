import classes from "./command.module.css";

/** Any value as it is, indented; as text, whatever it holds. */
export function Json({ value }: { value: unknown }) {
  return <pre className={`mono ${classes.output}`}>{JSON.stringify(value, null, 2)}</pre>;
}
