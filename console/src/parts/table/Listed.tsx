import type { ReactNode } from "react";
import { Loading } from "../Loading";
import { ProblemLine } from "../ProblemLine";
import { type Reading, shownOf } from "./columns";
import classes from "./table.module.css";

type Props = {
  /** How many there are to be shown. */
  count: number;
  /** Where they come from: says when they are on their way, and when they cannot be read. */
  reading?: Reading | undefined;
  /** Where there are none. */
  empty?: ReactNode;
  /** The place of what is on its way, in pixels. */
  place?: number;
  /** Inside of a section, which has a frame of its own. */
  bare?: boolean;
  children: ReactNode;
};

/** What was read, or why it is not there: on its way, not to be had, none. */
export function Listed({ count, reading, empty, place = 200, bare = false, children }: Props) {
  const { body, problem } = shownOf(count, reading);
  return (
    <>
      {problem && reading && (
        <State bare={bare}>
          <ProblemLine error={reading.error} onRetry={() => void reading.refetch()} />
        </State>
      )}
      {body === "loading" && (
        <State bare={bare}>
          <Loading height={place} />
        </State>
      )}
      {body === "empty" && empty && <State bare={bare}>{empty}</State>}
      {body === "rows" && children}
    </>
  );
}

function State({ bare, children }: { bare: boolean; children: ReactNode }) {
  return bare ? <div className={classes.state}>{children}</div> : children;
}
