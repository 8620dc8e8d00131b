component {
  // The test says by the query string which application it is today, and whether other writers are to be seen.
  this.name = url.app ?: "shop";
  this.sessionManagement = true;
  this.setClientCookies = true;
  this.sessionTimeout = createTimeSpan(0, 0, 30, 0);
  this.sessionCluster = (url.cluster ?: "true") eq "true";
  this.datasources["sessions"] = {
    class: "org.mariadb.jdbc.Driver",
    connectionString: createObject("java", "java.lang.System").getProperty("holdall.database"),
    username: createObject("java", "java.lang.System").getProperty("holdall.user"),
    password: createObject("java", "java.lang.System").getProperty("holdall.password"),
    storage: true
  };
  this.sessionStorage = "sessions";
  this.clientManagement = (url.client ?: "false") eq "true";
  this.clientStorage = "sessions";
  this.clientTimeout = createTimeSpan(0, 0, 30, 0);
}
