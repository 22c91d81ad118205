import type { DiffRow } from "../../../parts/document";
import { useText } from "../../../text";
import classes from "./config.module.css";

type Props = {
  rows: readonly DiffRow[];
  left: string;
  right: string;
  /** Where what is desired of a row comes from; without it the table has no such column. */
  source?: ((row: DiffRow) => string) | undefined;
};

/** Two configurations side by side: what differs is marked by a sign and by colour. */
export function DiffTable({ rows, left, right, source }: Props) {
  const words = useText().device.config;
  return (
    <div className={classes.scroll}>
      <table className={classes.diff}>
        <thead>
          <tr>
            <th scope="col">{words.name}</th>
            <th scope="col">{left}</th>
            <th scope="col">{right}</th>
            {source && <th scope="col">{words.from}</th>}
          </tr>
        </thead>
        <tbody>
          {rows.map(row => (
            <tr
              key={row.path.join("\u0000")}
              data-kind={row.kind}
              data-parent={row.parent || undefined}
            >
              <th scope="row" style={{ paddingLeft: 14 + 16 * (row.path.length - 1) }}>
                <span className={classes.sign} title={words.kinds[row.kind]}>
                  {SIGN[row.kind]}
                </span>
                {row.path.at(-1)}
              </th>
              <td>{row.desired ?? (row.parent ? "" : words.absent)}</td>
              <td>{row.reported ?? (row.parent ? "" : words.absent)}</td>
              {source && <td>{source(row)}</td>}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const SIGN: Record<DiffRow["kind"], string> = { same: "", changed: "≠", missing: "+", extra: "−" };
