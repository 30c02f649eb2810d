"""What people of a site can do, one act for each record, for the command line and the API alike."""
