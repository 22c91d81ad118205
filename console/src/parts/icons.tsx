/** Our icons: 20 units wide, drawn with the colour of the text. */
import type { ReactNode, SVGProps } from "react";

type Props = SVGProps<SVGSVGElement> & { size?: number };

/** Called once for each icon, as the module is loaded. */
function icon(content: ReactNode) {
  // biome-ignore lint/correctness/noComponentHookFactories: not made while rendering
  return function Icon({ size = 18, ...props }: Props) {
    return (
      <svg
        width={size}
        height={size}
        viewBox="0 0 20 20"
        fill="none"
        stroke="currentColor"
        strokeWidth={1.6}
        strokeLinecap="round"
        strokeLinejoin="round"
        aria-hidden="true"
        {...props}
      >
        {content}
      </svg>
    );
  };
}

export const FleetIcon = icon(
  <>
    <rect x="2.5" y="3.5" width="15" height="5.5" rx="1.5" />
    <rect x="2.5" y="11" width="15" height="5.5" rx="1.5" />
    <path d="M5.5 6.25h.01M5.5 13.75h.01M9 6.25h5.5M9 13.75h5.5" />
  </>,
);
export const CommandIcon = icon(
  <>
    <path d="m4.5 6 4 4-4 4" />
    <path d="M10.5 14.5h5" />
  </>,
);
export const FirmwareIcon = icon(
  <>
    <rect x="5.5" y="5.5" width="9" height="9" rx="1.5" />
    <path d="M8 2.5v3M12 2.5v3M8 14.5v3M12 14.5v3M2.5 8h3M2.5 12h3M14.5 8h3M14.5 12h3" />
  </>,
);
export const ApplicationIcon = icon(
  <>
    <rect x="3" y="3" width="6" height="6" rx="1" />
    <rect x="11" y="3" width="6" height="6" rx="1" />
    <rect x="3" y="11" width="6" height="6" rx="1" />
    <rect x="11" y="11" width="6" height="6" rx="1" />
  </>,
);
export const GroupIcon = icon(
  <>
    <path d="m10 2.5 7 3.75-7 3.75-7-3.750z" />
    <path d="m3 10 7 3.750L17 10M3 13.750l7 3.75 7-3.75" />
  </>,
);
export const UserIcon = icon(
  <>
    <circle cx="10" cy="6.5" r="3" />
    <path d="M4 17c.6-3.4 3-5 6-5s5.4 1.6 6 5" />
  </>,
);
export const ApprovalIcon = icon(
  <>
    <circle cx="7.5" cy="6.5" r="3" />
    <path d="M2.5 16.5c.5-3.2 2.5-4.7 5-4.7 1 0 2 .2 2.8.7" />
    <path d="m11.5 14.5 2.2 2.2 4-4.7" />
  </>,
);
export const AuditIcon = icon(
  <>
    <path d="M5 2.5h7l3.5 3.5v11.5H5z" />
    <path d="M7.5 9.5h5.5M7.5 13h5.5" />
  </>,
);
export const SettingsIcon = icon(
  <>
    <path d="M3 6h7M14 6h3M3 14h3M10 14h7" />
    <circle cx="12" cy="6" r="2" />
    <circle cx="8" cy="14" r="2" />
  </>,
);
export const HealthIcon = icon(<path d="M2.5 10.5h3.5l2-5.5 3.5 10 2-4.5h4" />);
export const ScheduleIcon = icon(
  <>
    <circle cx="10" cy="10" r="7" />
    <path d="M10 6v4.250l2.750 1.750" />
  </>,
);
export const SearchIcon = icon(
  <>
    <circle cx="9" cy="9" r="5.5" />
    <path d="m13 13 4 4" />
  </>,
);
/** Waves that grow. */
export const CampaignIcon = icon(<path d="M3 16v-3M7.5 16v-6M12 16V7M16.5 16V3" />);

export const PlusIcon = icon(<path d="M10 4v12M4 10h12" />);
export const CheckIcon = icon(<path d="m4 10.5 4 4 8-9" />);
export const CrossIcon = icon(<path d="m5 5 10 10M15 5 5 15" />);
export const CopyIcon = icon(
  <>
    <rect x="7" y="7" width="9.5" height="9.5" rx="1.5" />
    <path d="M13 7V3.5H3.5V13H7" />
  </>,
);
export const DownIcon = icon(<path d="m5 8 5 5 5-5" />);
export const RefreshIcon = icon(
  <>
    <path d="M16.5 10a6.5 6.5 0 1 1-1.9-4.6" />
    <path d="M16.5 3v3.5H13" />
  </>,
);
export const DownloadIcon = icon(<path d="M10 3v9m-4-3.5 4 4 4-4M3.5 16.5h13" />);
export const ColumnsIcon = icon(
  <>
    <rect x="3" y="3.5" width="14" height="13" rx="1.5" />
    <path d="M8 3.5v13M12.5 3.5v13" />
  </>,
);
export const BookmarkIcon = icon(<path d="M5.5 3h9v14L10 13.5 5.5 17z" />);
export const TrashIcon = icon(<path d="M3.5 5.5h13M8 5.5V3.5h4v2M5.5 5.5l.7 11h7.6l.7-11" />);
export const WarningIcon = icon(
  <>
    <path d="M10 3 2.5 16.5h15z" />
    <path d="M10 8.5v3.5M10 14.3h.01" />
  </>,
);
export const QuestionIcon = icon(
  <>
    <circle cx="10" cy="10" r="7.5" />
    <path d="M7.8 7.8c.2-1.3 1.1-2 2.3-2s2.2.8 2.2 2c0 1.7-2.3 1.8-2.3 3.5M10 14h.01" />
  </>,
);
export const SunIcon = icon(
  <>
    <circle cx="10" cy="10" r="3.2" />
    <path d="M10 2.5V4M10 16v1.5M2.5 10H4M16 10h1.5M4.7 4.7l1 1M14.3 14.3l1 1M4.7 15.3l1-1M14.3 5.7l1-1" />
  </>,
);
export const MoonIcon = icon(<path d="M16.5 11.5A7 7 0 0 1 8.5 3.5a7 7 0 1 0 8 8z" />);
export const AutoIcon = icon(
  <>
    <rect x="2.5" y="3.5" width="15" height="10" rx="1.5" />
    <path d="M7 17h6" />
  </>,
);
export const KeyIcon = icon(
  <>
    <circle cx="7" cy="13" r="3.5" />
    <path d="m9.5 10.5 7-7M13.5 6.5l2 2" />
  </>,
);
export const LeaveIcon = icon(<path d="M12 3.5H4.5v13H12M8.5 10h8.5m-3-3 3 3-3 3" />);
export const PlayIcon = icon(<path d="M6 4v12l9.5-6z" />);
export const PauseIcon = icon(<path d="M7 4.5v11M13 4.5v11" />);
export const KeyboardIcon = icon(
  <>
    <rect x="2" y="5" width="16" height="10.5" rx="1.5" />
    <path d="M5 8.5h.01M8.3 8.5h.01M11.7 8.5h.01M15 8.5h.01M6.5 12h7" />
  </>,
);
export const EditIcon = icon(<path d="M4 16l.7-3.3L13.5 4l2.5 2.5-8.7 8.8zM11.5 6l2.5 2.5" />);
export const MoreIcon = icon(<path d="M5 10h.01M10 10h.01M15 10h.01" strokeWidth={2.4} />);
export const UploadIcon = icon(<path d="M10 12V3m-4 3.5 4-4 4 4M3.5 16.5h13" />);
export const StopIcon = icon(<rect x="5" y="5" width="10" height="10" rx="1" />);
export const LogIcon = icon(<path d="M3.5 5h13M3.5 8.5h9M3.5 12h13M3.5 15.5h6" />);
export const LockIcon = icon(
  <>
    <rect x="4.5" y="9" width="11" height="8" rx="1.5" />
    <path d="M7 9V6a3 3 0 0 1 6 0v3" />
  </>,
);
