<cfscript>
scope = (url.client ?: "false") eq "true" ? client : session;
scope[url.name] = url.value;
</cfscript>ok
