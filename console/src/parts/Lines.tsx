import { useText } from "../text";
import { hunksOf, type Line, lineDiff } from "./lineDiff";
import classes from "./lines.module.css";

type Props = {
  /** What it is, for screen readers. */
  label: string;
  text: string;
  /** What it is compared with: shown is what differs, and a few lines around it. */
  before?: string | undefined;
};

/** A text by lines, or what has become of another one. */
export function Lines({ label, text, before }: Props) {
  const words = useText().common.lines;
  if (before === text) return <p className={classes.same}>{words.same}</p>;
  const hunks =
    before === undefined ? [{ lines: lineDiff(text, text) }] : hunksOf(lineDiff(before, text));
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is reached by keys
    <div className={`mono ${classes.lines}`} role="group" aria-label={label} tabIndex={0}>
      {hunks.map(hunk =>
        "hidden" in hunk ? null : (
          <div key={keyOf(hunk.lines[0])} className={classes.hunk}>
            {hunk.lines.map(line => (
              <Row key={keyOf(line)} line={line} isCompared={before !== undefined} />
            ))}
          </div>
        ),
      )}
    </div>
  );
}

const keyOf = (line: Line | undefined) => `${line?.before}/${line?.after}`;
const SIGNS = { same: " ", removed: "−", added: "+" };
const ELEMENTS = { same: "span", removed: "del", added: "ins" } as const;

function Row({ line: { kind, text, before, after }, isCompared }: RowProps) {
  const words = useText().common.lines;
  const Element = ELEMENTS[kind];
  return (
    <div className={classes.line} data-line={kind}>
      {isCompared && (
        <span className={classes.number} aria-hidden="true">
          {before}
        </span>
      )}
      <span className={classes.number} aria-hidden="true">
        {after}
      </span>
      {isCompared && (
        <span className={classes.sign} title={words.kinds[kind]}>
          {SIGNS[kind]}
        </span>
      )}
      <Element>{text}</Element>
    </div>
  );
}

type RowProps = { line: Line; isCompared: boolean };
