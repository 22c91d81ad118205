import { Button } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import {
  APPLICATIONS,
  type Application,
  type Revision,
  setCurrent,
  useRevisions,
} from "../../api/applications";
import { useChange } from "../../api/change";
import { Label } from "../../parts/Label";
import { Section } from "../../parts/Page";
import { shortOf } from "../../parts/revisions";
import { TimeText } from "../../parts/TimeText";
import type { Column } from "../../parts/table/columns";
import { DataTable } from "../../parts/table/DataTable";
import { useMay } from "../../session/access";
import { useText } from "../../text";
import { isOlder } from "./content";
import { RollOutDialog } from "./RollOutDialog";

/** The revisions of an application, the newest first, and the way back to an older one. */
export function Revisions({ application }: { application: Application }) {
  const words = useText().applications;
  const may = useMay();
  const { name, current } = application;
  const revisions = useRevisions(name);
  const [backTo, setBackTo] = useState<string | null>(null);
  const change = useChange((revision: string) => setCurrent(name, revision), {
    stale: [APPLICATIONS],
  });
  const all = revisions.data ?? [];
  const columns: Column<Revision>[] = [
    {
      key: "revision",
      title: words.revision,
      className: "mono",
      cell: ({ revision }) => (
        <Link
          to="/applications/$name/revisions/$revision"
          params={{ name, revision }}
          search={comparedWith(revision, current)}
        >
          {shortOf(revision)}
        </Link>
      ),
    },
    { key: "made", title: words.made, cell: ({ createdAt }) => <TimeText at={createdAt} /> },
    { key: "by", title: words.by, cell: ({ createdBy }) => createdBy },
    {
      key: "pinned",
      title: "",
      cell: ({ pinned }) => !pinned && <Label tone="warn">{words.unpinned}</Label>,
    },
    {
      key: "act",
      title: "",
      right: true,
      cell: ({ revision }) => {
        if (revision === current) return <Label tone="ok">{words.current}</Label>;
        if (!may("applications:update", { name })) return null;
        return (
          <>
            {may("campaigns:create") && isOlder(all, revision, current) && (
              <Button size="compact-xs" variant="default" onClick={() => setBackTo(revision)}>
                {words.rollBack}
              </Button>
            )}{" "}
            <Button
              size="compact-xs"
              variant="default"
              disabled={change.isPending}
              onClick={() => change.mutate(revision)}
            >
              {words.setCurrent}
            </Button>
          </>
        );
      },
    },
  ];
  return (
    <Section title={words.revisions} flush>
      <DataTable
        bare
        label={words.revisions}
        columns={columns}
        rows={all}
        keyOf={({ revision }) => revision}
        marks={({ revision }) => ({ "data-revision": revision })}
        reading={revisions}
        least={480}
      />
      {backTo !== null && (
        <RollOutDialog
          application={application}
          revision={backTo}
          onClose={() => setBackTo(null)}
        />
      )}
    </Section>
  );
}

/** What is not current is of interest for how it differs from what is. */
function comparedWith(revision: string, current: string | null) {
  return current === null || current === revision ? {} : { against: current };
}
