import { Button, Select } from "@mantine/core";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { type ReactNode, useState } from "react";
import {
  type Application,
  type Revision,
  useApplication,
  useRevisions,
} from "../../api/applications";
import { Empty } from "../../parts/Empty";
import { FactLine } from "../../parts/FactLine";
import { PlayIcon, QuestionIcon } from "../../parts/icons";
import { Label } from "../../parts/Label";
import { Lines } from "../../parts/Lines";
import { Page, Section } from "../../parts/Page";
import { shortOf } from "../../parts/revisions";
import { TimeText } from "../../parts/TimeText";
import { UnreadPage } from "../../parts/UnreadPage";
import { useMay } from "../../session/access";
import { useText } from "../../text";
import { absoluteTime } from "../../text/format";
import { contentOf, isOlder } from "./content";
import { RollOutDialog } from "./RollOutDialog";

/** What a revision contains, and how it differs from another one. */
export function RevisionPage() {
  const { name, revision } = useParams({ from: "/applications/$name/revisions/$revision" });
  const words = useText().applications;
  const application = useApplication(name);
  const revisions = useRevisions(name);
  const toApplication = (
    <Link to="/applications/$name" params={{ name }}>
      {words.toApplication(name)}
    </Link>
  );
  const title = words.revisionTitle(name, shortOf(revision));
  if (application.data === undefined || revisions.data === undefined)
    return (
      <UnreadPage
        title={title}
        reading={application.isError ? application : revisions}
        missing={words.missing}
      >
        <Link to="/applications">{words.toAll}</Link>
      </UnreadPage>
    );
  const found = revisions.data.find(one => one.revision === revision);
  if (found === undefined)
    return (
      <Page title={title}>
        <Empty icon={QuestionIcon} title={words.missingRevision}>
          {toApplication}
        </Empty>
      </Page>
    );
  return (
    <One key={revision} application={application.data} revision={found} all={revisions.data}>
      {toApplication}
    </One>
  );
}

type OneProps = {
  application: Application;
  revision: Revision;
  all: readonly Revision[];
  children: ReactNode;
};

function One({ application, revision, all, children }: OneProps) {
  const words = useText().applications;
  const may = useMay();
  const [isOpen, setOpen] = useState(false);
  const { name, current } = application;
  const older = isOlder(all, revision.revision, current);
  return (
    <Page
      title={words.revisionTitle(name, shortOf(revision.revision))}
      aside={revision.revision === current && <Label tone="ok">{words.current}</Label>}
      actions={
        may("campaigns:create") &&
        may("applications:update", { name }) && (
          <Button leftSection={<PlayIcon size={14} />} onClick={() => setOpen(true)}>
            {older ? words.rollBack : words.rollOutAction}
          </Button>
        )
      }
    >
      {children}
      <About revision={revision} />
      <Content revision={revision} all={all} />
      {isOpen && (
        <RollOutDialog
          application={application}
          revision={revision.revision}
          onClose={() => setOpen(false)}
        />
      )}
    </Page>
  );
}

function About({ revision }: { revision: Revision }) {
  const words = useText().applications;
  const { createdAt, createdBy, pinned, signed, sha256, variables, asksFor } = revision;
  return (
    <FactLine
      facts={[
        [words.made, <TimeText key="made" at={createdAt} full />],
        [words.by, createdBy],
        [words.images, pinned ? words.pinned : words.unpinned],
        [words.signed, signed && words.yes],
        [words.variables, variables.join(", ")],
        [words.privileges, asksFor.join(", ")],
        [
          words.sha256,
          <span key="sha256" className="mono">
            {sha256}
          </span>,
        ],
      ]}
    />
  );
}

function Content({ revision, all }: { revision: Revision; all: readonly Revision[] }) {
  const words = useText().applications;
  const navigate = useNavigate({ from: "/applications/$name/revisions/$revision" });
  const { against } = useSearch({ from: "/applications/$name/revisions/$revision" });
  const other = all.find(one => one.revision === against);
  return (
    <Section
      title={other ? words.changesSince(shortOf(other.revision)) : words.content}
      actions={
        <Select
          size="xs"
          w={280}
          aria-label={words.against}
          placeholder={words.against}
          clearable
          clearButtonProps={{ "aria-label": words.compareNot }}
          openOnFocus={false}
          value={other?.revision ?? null}
          onChange={next => void navigate({ search: next === null ? {} : { against: next } })}
          data={all
            .filter(one => one.revision !== revision.revision)
            .map(({ revision, createdAt }) => ({
              value: revision,
              label: `${shortOf(revision)} · ${absoluteTime(createdAt)}`,
            }))}
        />
      }
    >
      <Lines label={words.content} text={contentOf(revision)} before={other && contentOf(other)} />
    </Section>
  );
}
