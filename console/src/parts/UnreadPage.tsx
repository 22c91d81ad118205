import type { ReactNode } from "react";
import { Problem } from "../api/problem";
import { Empty } from "./Empty";
import { QuestionIcon } from "./icons";
import { Loading } from "./Loading";
import { Page } from "./Page";
import { ProblemLine } from "./ProblemLine";
import type { Reading } from "./table/columns";

type Props = {
  title: string;
  reading: Reading;
  /** Said where there is no such record. */
  missing: string;
  /** A way on from there. */
  children: ReactNode;
};

/** The page of one record before it is read: on its way, not to be had, or none. */
export function UnreadPage({ title, reading, missing, children }: Props) {
  const isMissing = reading.error instanceof Problem && reading.error.status === 404;
  return (
    <Page title={title}>
      {isMissing && (
        <Empty icon={QuestionIcon} title={missing}>
          {children}
        </Empty>
      )}
      {reading.isError && !isMissing && (
        <ProblemLine error={reading.error} onRetry={() => void reading.refetch()} />
      )}
      {!reading.isError && <Loading height={260} />}
    </Page>
  );
}
