"""Every address of the web application."""

from typing import Any

from allauth.account import views as account
from django.contrib import admin
from django.urls import URLPattern, URLResolver, path, re_path

from adit.web import demo
from adit.web.audit import pages as audit
from adit.web.audit.whereabouts import whereabouts
from adit.web.batches import checked, checking, ordering, results, uploading
from adit.web.health import health
from adit.web.home import home, home_live, throughput
from adit.web.jobs import pages as jobs
from adit.web.jobs import queue, receipts, tasks
from adit.web.live.pushing import Live
from adit.web.mass import ordering as mass_ordering
from adit.web.nodes import pages as nodes
from adit.web.nodes.testing import NodeTest
from adit.web.people import administering, groups, profile
from adit.web.people import users as people
from adit.web.people.mails import mails
from adit.web.people.registration import demo_login
from adit.web.projects import keys as project_keys
from adit.web.projects import linking, words
from adit.web.projects import pages as projects
from adit.web.search import download, previewing, sending, thumbnails
from adit.web.search import page as search
from adit.web.search.streaming import SearchConsumer

_accounts = [
    path("login/", account.login, name="account_login"),
    path("logout/", account.logout, name="account_logout"),
    path("register/", account.signup, name="account_signup"),
    path("waiting/", account.account_inactive, name="account_inactive"),
    path("password/", account.password_change, name="account_change_password"),
    path("password/set/", account.password_set, name="account_set_password"),
    path("password/forgotten/", account.password_reset, name="account_reset_password"),
    path("password/forgotten/sent/", account.password_reset_done, name="account_reset_password_done"),
    re_path(
        r"^password/forgotten/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        account.password_reset_from_key,
        name="account_reset_password_from_key",
    ),
    path("password/forgotten/done/", account.password_reset_from_key_done, name="account_reset_password_from_key_done"),
]

_nodes = [
    path("nodes/", nodes.nodes, name="nodes"),
    path("nodes/add/<str:kind>/", nodes.add, name="nodes-add"),
    path("nodes/<int:pk>/", nodes.one, name="nodes-one"),
    path("nodes/<int:pk>/edit/", nodes.edit, name="nodes-edit"),
    path("nodes/<int:pk>/entry/", nodes.entry, name="nodes-entry"),
    path("nodes/<int:pk>/access/", nodes.access, name="nodes-access"),
    path("nodes/<int:pk>/suspend/", nodes.suspend, name="nodes-suspend"),
    path("nodes/<int:pk>/resume/", nodes.end_suspension, name="nodes-resume"),
    path("nodes/<int:pk>/remove/", nodes.remove, name="nodes-remove"),
]

_projects = [
    path("projects/", projects.projects, name="projects"),
    path("projects/add/", projects.add, name="projects-add"),
    path("projects/profiles/<str:name>/", projects.shipped_profile, name="projects-shipped-profile"),
    path("projects/<int:pk>/", projects.one, name="projects-one"),
    path("projects/<int:pk>/edit/", projects.edit, name="projects-edit"),
    path("projects/<int:pk>/profile/", projects.profile_of_project, name="projects-profile"),
    path("projects/<int:pk>/members/", projects.member, name="projects-member"),
    path("projects/<int:pk>/members/<int:user>/out/", projects.end_membership, name="projects-member-out"),
    path("projects/<int:pk>/newest/", words.newest, name="projects-newest"),
    path("projects/<int:pk>/words/", words.of_project, name="projects-words"),
    path("projects/<int:pk>/linking/", linking.linking, name="projects-linking"),
    path("projects/<int:pk>/linking/uids/", linking.uids, name="projects-linking-uids"),
    path("projects/<int:pk>/linking/import/", linking.take_over, name="projects-import"),
    path("projects/<int:pk>/linking/<str:what>.<str:form>", linking.download, name="projects-linking-file"),
    path("projects/<int:pk>/key/", project_keys.key, name="projects-key"),
    path("projects/<int:pk>/key/backup/", project_keys.backup, name="projects-key-backup"),
    path("projects/<int:pk>/key/restore/", project_keys.restore, name="projects-key-restore"),
    path("projects/<int:pk>/key/destroy/", project_keys.destroy, name="projects-key-destroy"),
]

_profile = [
    path("profile/", profile.profile, name="profile"),
    path("profile/group/", profile.switch_group, name="profile-group"),
    path("profile/access/", profile.access, name="profile-access"),
    path("profile/sessions/", profile.sessions, name="profile-sessions"),
    path("profile/sessions/end/", profile.end_sessions, name="profile-sessions-end"),
    path("profile/sessions/<int:pk>/end/", profile.end_one_session, name="profile-session-end"),
    path("demo/login/<str:username>/", demo_login, name="demo_login"),
]

_administration = [
    path("administration/", administering.administration, name="administration"),
    path("administration/mails/", mails, name="administration-mails"),
    path("administration/kinds/", administering.kinds, name="administration-kinds"),
    path("administration/words/", words.approved, name="administration-words"),
    path("administration/notices/", administering.notices, name="administration-notices"),
    path("administration/notices/open/", administering.open_again, name="administration-open"),
    path("administration/users/", people.users, name="administration-users"),
    path("administration/users/<int:pk>/", people.user, name="administration-user"),
    path("administration/users/<int:pk>/access/", people.access, name="administration-user-access"),
    path("administration/users/<int:pk>/groups/", people.membership, name="administration-user-groups"),
    path("administration/users/<int:pk>/roles/", people.roles, name="administration-user-roles"),
    re_path(
        r"^administration/users/(?P<pk>[0-9]{1,18})/(?P<action>approve|deactivate|sessions)/$",
        people.act,
        name="administration-user-act",
    ),
    path("administration/groups/", groups.groups, name="administration-groups"),
    path("administration/groups/<int:pk>/", groups.group, name="administration-group"),
    path("administration/groups/<int:pk>/remove/", groups.remove, name="administration-group-remove"),
]

_audit = [
    path("audit/", audit.audit, name="audit"),
    path("audit/export/<str:form>/", audit.export, name="audit-export"),
    path("audit/patient/<str:token>/", audit.patient, name="audit-patient"),
    path("whereabouts/", whereabouts, name="whereabouts"),
]

_jobs = [
    path("jobs/", jobs.jobs, name="jobs"),
    path("jobs/queue/", queue.queue, name="jobs-queue"),
    path("jobs/<int:pk>/", jobs.job, name="jobs-one"),
    path("jobs/<int:pk>/act/", jobs.act, name="jobs-act"),
    path("jobs/<int:pk>/words/", words.of_job, name="jobs-words"),
    path("jobs/<int:pk>/release/", jobs.release, name="jobs-release"),
    path("jobs/<int:pk>/linking.csv", jobs.linking, name="jobs-linking"),
    path("jobs/<int:pk>/report/", receipts.report, name="jobs-report"),
    path("jobs/<int:pk>/report.<str:form>", receipts.report_file, name="jobs-report-file"),
    path("jobs/<int:pk>/receipt/", receipts.make, name="jobs-receipt-make"),
    path("jobs/tasks/<int:pk>/", tasks.task, name="jobs-task"),
    path("jobs/tasks/<int:pk>/act/", tasks.act, name="jobs-task-act"),
    path("jobs/receipts/<int:number>/", receipts.receipt, name="jobs-receipt"),
    path("receipts/verify/", receipts.verify, name="receipts-verify"),
    path("throughput.json", throughput, name="home-throughput"),
]

_search = [
    path("search/", search.search, name="search"),
    path("search/series/", search.series, name="search-series"),
    path("search/image/", thumbnails.image, name="search-image"),
    path("search/chosen/", sending.choose, name="search-chosen"),
    path("search/panel/", sending.panel, name="search-panel"),
    path("search/preview/", previewing.preview, name="search-preview"),
    path("search/send/", sending.send, name="search-send"),
    path("search/download/", download.begin, name="search-download"),
    path("search/download/<str:token>/", download.file, name="search-file"),
]

_query, _transfer = {"kind": "batch_query"}, {"kind": "batch_transfer"}
_batches = [
    path("batch/query/", uploading.start, _query, name="batchquery"),
    path("batch/query/template.<str:form>", uploading.example, _query, name="batchquery-template"),
    path("batch/query/<int:pk>/", checking.file, _query, name="batchquery-file"),
    path("batch/query/<int:pk>/worksheet/", checking.worksheet, _query, name="batchquery-worksheet"),
    path("batch/query/<int:pk>/errors/<str:what>/", checking.errors, _query, name="batchquery-errors"),
    path("batch/query/<int:pk>/order/", ordering.order, _query, name="batchquery-order"),
    path("batch/query/jobs/<int:pk>/", results.found, name="batchquery-results"),
    path("batch/query/jobs/<int:pk>/results.<str:form>", results.file, name="batchquery-export"),
    path("batch/query/jobs/<int:pk>/again/", results.again, name="batchquery-again"),
    path("batch/query/jobs/<int:pk>/use/", results.use, name="batchquery-use"),
    path("batch/transfer/", uploading.start, _transfer, name="batchtransfer"),
    path("batch/transfer/template.<str:form>", uploading.example, _transfer, name="batchtransfer-template"),
    path("batch/transfer/<int:pk>/", checking.file, _transfer, name="batchtransfer-file"),
    path("batch/transfer/<int:pk>/worksheet/", checking.worksheet, _transfer, name="batchtransfer-worksheet"),
    path("batch/transfer/<int:pk>/errors/<str:what>/", checking.errors, _transfer, name="batchtransfer-errors"),
    path("batch/transfer/<int:pk>/order/", ordering.order, _transfer, name="batchtransfer-order"),
    path("batch/transfer/jobs/<int:pk>/", checked.checked, name="batchtransfer-checked"),
    path("batch/transfer/jobs/<int:pk>/send/", checked.send, name="batchtransfer-send"),
    path("batch/transfer/jobs/<int:pk>/<str:what>/", checked.sheet, name="batchtransfer-result"),
]

_mass = [
    path("mass/", mass_ordering.mass, name="mass"),
    path("mass/order/", mass_ordering.order, name="mass-order"),
    path("mass/estimate/", mass_ordering.estimate, name="mass-estimate"),
    path("mass/json/", mass_ordering.text, name="mass-text"),
]

_demo = [
    path("demo/break/", demo.panel, name="demo-panel"),
    path("demo/break/<slug:key>/", demo.break_or_mend, name="demo-break"),
    path("demo/send/", demo.send_something, name="demo-send"),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("", home, name="home"),
    path("health/", health, name="health"),
    *_accounts,
    *_profile,
    *_administration,
    *_nodes,
    *_projects,
    *_audit,
    *_demo,
    *_jobs,
    *_search,
    *_batches,
    *_mass,
    path("django-admin/", admin.site.urls),
]

# Django's types know views only.
_socket: Any = path

websocket_urlpatterns: list[Any] = [
    _socket("ws/search/", SearchConsumer.as_asgi()),
    _socket("nodes/test/", NodeTest.as_asgi()),
    _socket("live/", Live.as_asgi(shows=home_live, every_job=True)),
    _socket("live/jobs/", Live.as_asgi(shows=jobs.list_live, every_job=True)),
    _socket("live/jobs/queue/", Live.as_asgi(shows=queue.queue_live, every_job=True)),
    _socket("live/jobs/<int:pk>/", Live.as_asgi(shows=jobs.job_live)),
    _socket("live/jobs/<int:pk>/tasks/<int:task>/", Live.as_asgi(shows=tasks.task_live)),
    _socket("live/batch/query/jobs/<int:pk>/", Live.as_asgi(shows=results.found_live)),
    _socket("live/batch/transfer/jobs/<int:pk>/", Live.as_asgi(shows=checked.checked_live)),
]
